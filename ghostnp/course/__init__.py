"""For the class: teaching material, and tools that ask and grade.

- `tour`: the command ``ghostnp`` alone, a photo through every kind of layer.
- `explorer`: ``ghostnp explore``, a page on which the layers can be played with.
- `worksheets`: papers and a quiz in counting, with different numbers for each student.
- `grader`: ``ghostnp check``, which holds a student's code against definitions and laws.
- `documents`: the five blog posts, claim by claim.
- `study`: answers and helpers of the tutorials; `notebooks` makes notebooks of their scripts.
- `pairing`: which filters of a layer point in opposite directions.

`study` uses `documents` and `pairing`, `worksheets` uses the formulas of units in `documents`, `tour` links the page of
`explorer`; nothing else here needs another part.
"""
