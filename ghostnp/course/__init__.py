"""For the class: teaching material, and tools that ask and grade.

- `tour`: the command ``ghostnp`` alone, a photo through every kind of layer.
- `worksheets`: papers and a quiz in counting, with different numbers for each student.
- `grader`: ``ghostnp check``, which holds a student's code against definitions and laws.
- `documents`: the five blog posts, claim by claim.
- `study`: answers and helpers of the tutorials; `notebooks` makes notebooks of their scripts.
- `pairing`: which filters of a layer point in opposite directions.

`study` uses `documents` and `pairing`, and `worksheets` uses the formulas of units in `documents`; nothing else here
needs another part.
"""
