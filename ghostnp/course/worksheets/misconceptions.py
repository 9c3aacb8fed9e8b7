"""The mistakes that people make, by name: every wrong option of a question is one of these.

A misconception's value is never invented. It is what the counters say of what somebody with that misconception would
count: another operator, another argument, or one part of the working without the rest.
"""

from ghostnp.course.worksheets.language import _
from ghostnp.ops.checks import shown


class Misconception(str):
    """A teacher's own misconception, for the mistakes of a template of their own.

    Parameters
    ----------
    name : str
        What it is called, such as ``"forgot the second branch"``.
    reason : str
        Why it is wrong: one sentence, with its full stop.
    """

    reason: str

    def __new__(cls, name, reason):
        """Make the name, which keeps its `reason`."""
        for argument, value in (("name", name), ("reason", reason)):
            if not isinstance(value, str):
                raise TypeError(f"{argument}={shown(value)}: the rule is a str, such as 'forgot the second branch'")
            if not value.strip():
                raise ValueError(
                    f"{argument}={shown(value)}: the rule is a few words, such as 'forgot the second branch'"
                )
        misconception = super().__new__(cls, name)
        misconception.reason = reason
        return misconception


def name_of(misconception):
    """What a misconception is called on paper: a teacher's own, or one of `MISCONCEPTIONS`."""
    return str(misconception) if isinstance(misconception, Misconception) else _(misconception)


def name_and_reason(misconception):
    """What a misconception is called, and why it is wrong."""
    if isinstance(misconception, Misconception):
        return str(misconception), misconception.reason
    return _(misconception), _(MISCONCEPTIONS[misconception])


MISCONCEPTIONS = {
    # Convolutions
    "forgot /groups": "In g groups a filter sees C_in/g of the input channels, and not all of them.",
    "multiplied by groups": "Groups make filters smaller, not more numerous: there are C_out of them, for any g.",
    "one group only": "All groups together have C_out filters, each for C_in/g channels: g divides once, not twice.",
    "forgot the bias": "A bias adds one parameter for each output channel.",
    "counted a bias": "There is no bias here, so that nothing is counted for one.",
    "a bias for each kernel": "A filter has one bias, however many input channels it sees.",
    "biases counted": "No biases belong in this count.",
    "biases counted as MACs": "Adding a bias multiplies nothing: it is no multiply-add.",
    "batch norm counted": "No batch norm belongs in this count.",
    "kernel not squared": "A k x k kernel has k·k taps: it has rows and columns.",
    "forgot the kernel": "A k x k kernel reads k·k pixels at every place, and not one.",
    "forgot the input channels": "A filter of a standard convolution has a kernel for each input channel.",
    "one filter only": "Each output channel has a filter of its own.",
    "FLOPs for MACs": "One multiply-add (MAC) is two floating-point operations (FLOPs); MACs were asked for.",
    "MACs for FLOPs": "One multiply-add (MAC) is two floating-point operations (FLOPs); FLOPs were asked for.",
    "MACs for parameters": "A weight is used again at every pixel, but it is one parameter.",
    "parameters for MACs": "A weight is used at every output pixel, and each use is a multiply-add.",
    "parameters for FLOPs": "A weight is used at every output pixel, and each use is two floating-point operations.",
    "depthwise taken for pointwise": "A depthwise filter sees one channel; a pointwise one mixes channels.",
    "depthwise taken for standard": "A standard filter sees all input channels, a depthwise one its own channel only.",
    "grouped taken for depthwise": "In g groups a filter sees C_in/g channels; a depthwise one would see a single one.",
    "separable taken for standard": "Separable means depthwise, then pointwise: the two costs are added.",
    "forgot the pointwise step": "After the depthwise step, a 1x1 convolution mixes the channels.",
    "forgot the depthwise step": "Before the pointwise step, each channel is filtered by a kernel of its own.",
    "forgot the multiplier": "With a channel multiplier m, each input channel has m depthwise filters.",
    "forgot the first layer": "Both layers were asked for, and the first one is missing.",
    "forgot the second layer": "Both layers were asked for, and the second one is missing.",
    "one channel for each filter": "A depthwise filter sees one channel; in g groups a filter sees C_in/g channels.",
    # Where windows go
    "forgot the stride": "The window moves by s pixels at a time: about s times fewer rows and columns come out.",
    "forgot the padding": "Padding lets the window start before the first pixel and end behind the last.",
    "padding on one side": "The padding is on each side, so that it is added twice.",
    "padding doubled": "The padding p on each side adds 2p pixels to a row, and not 4p.",
    "swapped kernel and stride": "The kernel is how far a window reaches, the stride how far it moves.",
    "rounded up": "A last window that does not fit entirely is left out: the division is rounded down.",
    "forgot the last window": "Between the first window and the last there are n steps, which makes n + 1 windows.",
    "forgot the dilation": "With dilation d, a kernel of k taps covers (k - 1)·d + 1 pixels.",
    "dilation times kernel": "k taps have k - 1 gaps, so that the window covers (k - 1)·d + 1 pixels, and not k·d.",
    "forgot the pooling": "The pool moves with a stride of its own, and makes the maps smaller once more.",
    # Shuffle
    "swapped groups and channels per group": "Shuffling by C/g instead of g goes the other way: each undoes the other.",
    "left in place": "A shuffle takes place p of group q to p·g + q, which is another place here.",
    "the group for the place": "That is only the number q of the group; the place p within it counts too.",
    "the place in its group": "That is only the place p within the group; the number q of the group counts too.",
    "forgot the place in the new group": "That is p·g, where the new group begins; it stands q places further.",
    "forgot the place in the old group": "That is q·C/g, where the old group begins; it stood p places further.",
    "shuffled once": "There are two shuffles, and the second begins where the first one ended.",
    "shuffled twice": "There is one shuffle, and not two.",
    "two shuffles cancel": "Shuffling by g is undone by shuffling by C/g; another shuffle by g moves on.",
    "counted from one": "Channels are counted from 0 here, as in the code.",
    # Shrink factors
    "weights alone": "Biases do not get fewer with the groups, so that the factor is smaller than that of the weights.",
    "upside down": "The larger count is divided by the smaller one, and not the other way round.",
    "divided twice": "g groups divide the input channels that a filter sees; there are as many filters as before.",
    "channels per group": "C/g is how many channels a group has, and not how many groups there are.",
    "FLOPs divided by MACs": "Like is compared with like: multiply-adds with multiply-adds, or FLOPs with FLOPs.",
    "MACs divided by FLOPs": "Like is compared with like: multiply-adds with multiply-adds, or FLOPs with FLOPs.",
    # Ghost modules
    "forgot the cheap operation": "The ghosts are made by depthwise filters, which cost something too.",
    "forgot the primary convolution": "The intrinsic maps are made by a 1x1 convolution, and it is counted too.",
    "a plain convolution": "Only the intrinsic maps come from the 1x1 convolution; the ghosts are made from them.",
    "ghosts by a full convolution": "A ghost is made from one intrinsic map, by a depthwise filter.",
    "one ghost for each map": "With ratio s, each intrinsic map has s - 1 ghosts.",
    "rounded down": "The intrinsic maps have to suffice, so their number is rounded up; surplus ghosts are cut off.",
    "ratio 2 taken": "The ratio s is not 2 here: of s maps one is intrinsic, and not of two.",
    # Attention and squeeze-and-excitation
    "attention not decoupled": "Full attention joins each pixel with all of them; decoupled, with its column and row.",
    "as long as the maps": "The long kernels have K taps, and not as many as a row or column has pixels.",
    "only the columns": "Each pixel is joined with its column and with its row, which are two steps.",
    "only the rows": "Each pixel is joined with its column and with its row, which are two steps.",
    "forgot the channels": "What is done to one map is done to every channel's.",
    "channels mixed": "Each channel is treated alone here: the number of channels counts once.",
    "each pixel once": "Each pixel is a sum over a whole row or column, and each term of it is a multiply-add.",
    "a square kernel": "The long kernels are 1xK and Kx1: K + K taps for each pixel, and not K·K.",
    "forgot the halving": "The attention works on maps of half the height and half the width, rounded down.",
    "halved once": "The pool halves both height and width, and not one of them alone.",
    "forgot the 1x1 convolution": "Before the long kernels a 1x1 convolution mixes the channels, and counts too.",
    "forgot the long kernels": "After the 1x1 convolution come two depthwise ones, 1xK and Kx1.",
    "at every pixel": "The excitation works on one number for each channel, after the pixels were averaged.",
    "channels not reduced": "The excitation is a bottleneck: the layer between has fewer channels.",
    "hidden layer not rounded": "The official code rounds a quarter of the channels to a multiple of 4.",
    "one number for all channels": "The average leaves one number for each channel, and not one for all.",
    "rounded to a multiple of 8": "The official code of GhostNet rounds to a multiple of 4; MobileNet's takes 8.",
    "hidden layer rounded down": "Halves are rounded upwards here, and not down.",
    "one bias only": "Both layers have biases, the first as many as it has hidden channels.",
    "one hidden channel": "The layer between has several channels, and not one.",
    "scaling counted": "Multiplying the maps by the gate sums nothing up: it is no multiply-add.",
    # CReLU
    "channels not doubled": "CReLU keeps the positive and the negative half side by side: twice the channels.",
    "channels doubled twice": "CReLU doubles the channels once.",
    "maps enlarged too": "CReLU adds channels; height and width stay.",
    "one map only": "Every channel is a map of its own.",
    "halved instead of doubled": "CReLU loses nothing: it keeps the negative half too, and so doubles the channels.",
    "products counted": "CReLU bends each number on its own: no channels are mixed, and nothing is summed up.",
    "doubled too early": "The convolution before CReLU makes its maps once; CReLU doubles them afterwards.",
    "outputs doubled too": "What follows CReLU sees twice the channels; how many maps it makes is given.",
    # Units
    "forgot the last 1x1": "The unit ends with a 1x1 convolution back to the outer width.",
    "forgot the 3x3": "Between the two 1x1 convolutions there is one of 3x3.",
    "no bottleneck": "The 3x3 convolution works at the width of the middle, not at the outer one.",
    "depthwise 3x3": "The 3x3 convolution of this unit is not depthwise.",
    "3x3 not depthwise": "In ShuffleNet's unit the 3x3 convolution is depthwise: each channel alone.",
    "one group for the whole middle": "The middle has g groups: all of it is g times as wide as one.",
    "a factor g lost": "The 3x3 convolution has filters for all groups' maps: g times as many as for one group's.",
    # Conventions
    "doubled twice": "A multiply-add is two operations, and not four.",
    "the factor doubled": "The rule's factor is all that is counted for each number: nothing is doubled besides.",
    "multiply-adds doubled": "The rule counts each multiply-add once, and not twice.",
    "MACs alone": "The rule counts more than the multiply-adds.",
    "biases left out": "The rule counts the biases too: an addition for each number that the convolution makes.",
    "ReLU left out": "The rule counts the ReLU too.",
    "ReLU counted": "The rule counts nothing for a ReLU.",
    "average left out": "The rule counts the average of the maps too.",
    "average counted": "The rule counts nothing for the average of the maps.",
    "a batch norm before it too": "There is one batch norm, behind the convolution.",
    "taken for flops": "Worked out, that rule gives another total.",
    "taken for fvcore": "Worked out, that rule gives another total.",
    "taken for ptflops": "Worked out, that rule gives another total.",
    "taken for thop": "Worked out, that rule gives another total.",
    "statistics left out": "This total has the moving mean and variance of batch norm too, which are not trained.",
    "batch norm left out": "Batch norm is in this count.",
    "the whole difference": "That is the difference in all, and other operators have a part in it.",
    "the batch norms' part": "That is the batch norms' part, and the rest of the difference was asked for.",
    "numbers out for numbers in": "The rule counts the numbers that go into a pool, and fewer come out.",
    "first part only": "More than one kind of operator is left.",
    "another part": "That part of the difference is not the batch norm's.",
    "the elements alone": "Each number that goes through is counted as often as the rule's factor says.",
    "every number once": "The rule has a factor for each number, and the batch norms' part is to be taken off.",
    "two totals for a difference": "That is a total. The difference is what one counts and the other does not.",
}
