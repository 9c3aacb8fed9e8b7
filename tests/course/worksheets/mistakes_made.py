"""Every mistake of every template, made again by plain arithmetic that shares no line with the templates.

A function for each template takes its numbers and gives, by the name of the mistake, the wrong answer that this mistake
leads to. A mistake whose answer happens to be the right one is among them too.
"""

from fractions import Fraction

from tests.course.worksheets.oracles import dealt, divisible, sizes_of_network, tool_totals


def rows(size, kernel, stride=1, padding=0, dilation=1):
    """Rows that come out; `padding` is that of both sides together."""
    return (size + padding - (kernel - 1) * dilation - 1) // stride + 1


def windows(size, kernel, stride, padding):
    """Places of a window that is rounded up: also the one that hangs over the edge."""
    return -((kernel - size - padding) // stride) + 1


# Convolutions


def weights(in_channels, out_channels, kernel, size):
    i, o, k = in_channels, out_channels, kernel
    right = o * i * k * k
    return {
        "counted a bias": right + o,
        "kernel not squared": o * i * k,
        "MACs for parameters": right * size * size,
        "forgot the input channels": o * k * k,
        "batch norm counted": right + 2 * o,
        "one filter only": i * k * k,
    }


def parameters_with_bias(in_channels, out_channels, kernel, size):
    i, o, k = in_channels, out_channels, kernel
    return {
        "forgot the bias": o * i * k * k,
        "batch norm counted": o * i * k * k + o + 2 * o,
        "kernel not squared": o * i * k + o,
        "a bias for each kernel": o * i * k * k + o * i,
        "forgot the input channels": o * k * k + o,
        "MACs for parameters": o * i * k * k * size * size,
    }


def multiply_adds(in_channels, out_channels, kernel, size):
    i, o, k, p = in_channels, out_channels, kernel, kernel // 2 * 2
    out = rows(size, k, 2, p)
    right = o * i * k * k * out**2
    return {
        "FLOPs for MACs": 2 * right,
        "forgot the stride": o * i * k * k * rows(size, k, 1, p) ** 2,
        "forgot the padding": o * i * k * k * rows(size, k, 2) ** 2,
        "counted a bias": right + o * out**2,
        "swapped kernel and stride": o * i * 4 * rows(size, 2, k, p) ** 2,
        "kernel not squared": o * i * k * out**2,
        "parameters for MACs": o * i * k * k,
    }


def grouped_weights(in_channels, out_channels, kernel, groups):
    i, o, k, g = in_channels, out_channels, kernel, groups
    right = o * i * k * k // g
    return {
        "forgot /groups": o * i * k * k,
        "one group only": (o // g) * (i // g) * k * k,
        "counted a bias": right + o,
        "kernel not squared": right // k,
        "batch norm counted": right + 2 * o,
        "one channel for each filter": o * k * k,
        "multiplied by groups": g * o * i * k * k,
        "one filter only": i // g * k * k,
    }


def grouped_parameters_with_bias(in_channels, out_channels, kernel, groups):
    i, o, k, g = in_channels, out_channels, kernel, groups
    bare = o * i * k * k // g
    return {
        "forgot the bias": bare,
        "forgot /groups": o * i * k * k + o,
        "one group only": (o // g) * ((i // g) * k * k + 1),
        "batch norm counted": bare + o + 2 * o,
        "multiplied by groups": g * (o * i * k * k + o),
        "one channel for each filter": o * k * k + o,
        "kernel not squared": bare // k + o,
    }


def grouped_multiply_adds(in_channels, out_channels, kernel, groups, size):
    i, o, k, g, p = in_channels, out_channels, kernel, groups, kernel // 2 * 2
    pixels = rows(size, k, 2, p) ** 2
    seen = o * (i // g) * k * k
    return {
        "forgot /groups": o * i * k * k * pixels,
        "FLOPs for MACs": 2 * seen * pixels,
        "forgot the stride": seen * rows(size, k, 1, p) ** 2,
        "one group only": seen // g * pixels,
        "forgot the padding": seen * rows(size, k, 2) ** 2,
        "swapped kernel and stride": o * (i // g) * 4 * rows(size, 2, k, p) ** 2,
        "parameters for MACs": seen,
        "multiplied by groups": g * o * i * k * k * pixels,
    }


def depthwise_weights(channels, kernel):
    c, k = channels, kernel
    return {
        "depthwise taken for standard": c * c * k * k,
        "depthwise taken for pointwise": c * c,
        "kernel not squared": c * k,
        "counted a bias": c * k * k + c,
        "one filter only": k * k,
        "batch norm counted": c * k * k + 2 * c,
        "forgot the kernel": c,
    }


def separable_weights(in_channels, out_channels, kernel, multiplier):
    i, o, k, m = in_channels, out_channels, kernel, multiplier
    right = m * i * k * k + o * m * i
    return {
        "separable taken for standard": o * i * k * k,
        "forgot the pointwise step": m * i * k * k,
        "forgot the depthwise step": o * m * i,
        "counted a bias": right + o,
        "kernel not squared": m * i * k + o * m * i,
        "forgot the multiplier": i * k * k + o * i,
        "batch norm counted": right + 2 * m * i + 2 * o,
    }


def separable_multiply_adds(in_channels, out_channels, kernel, size, stride):
    i, o, k, p = in_channels, out_channels, kernel, kernel // 2 * 2
    each, pixels = i * k * k + o * i, rows(size, k, stride, p) ** 2
    return {
        "FLOPs for MACs": 2 * each * pixels,
        "separable taken for standard": o * i * k * k * pixels,
        "forgot the pointwise step": i * k * k * pixels,
        "forgot the depthwise step": o * i * pixels,
        "forgot the stride": each * rows(size, k, 1, p) ** 2,
        "forgot the padding": each * rows(size, k, stride) ** 2,
        "counted a bias": each * pixels + o * pixels,
        "parameters for MACs": each,
    }


# Where windows go


def output_rows(size, kernel, stride, padding):
    return {
        "forgot the padding": rows(size, kernel, stride),
        "forgot the stride": rows(size, kernel, 1, 2 * padding),
        "swapped kernel and stride": rows(size, stride, kernel, 2 * padding),
        "padding doubled": rows(size, kernel, stride, 4 * padding),
        "rounded up": windows(size, kernel, stride, 2 * padding),
        "forgot the last window": (size + 2 * padding - kernel) // stride,
        "padding on one side": rows(size, kernel, stride, padding),
        "forgot the kernel": rows(size, 1, stride, 2 * padding),
    }


def output_rows_of_a_dilated_window(size, kernel, stride, padding, dilation):
    long = (kernel - 1) * dilation + 1
    return output_rows(size, long, stride, padding) | {
        "swapped kernel and stride": None,
        "forgot the dilation": rows(size, kernel, stride, 2 * padding),
        "dilation times kernel": rows(size, kernel * dilation, stride, 2 * padding),
    }


def pixels_behind_a_pool(size, kernel, stride, padding, pool):
    def pooled(between):
        return ((between - pool) // 2 + 1) ** 2

    between = rows(size, kernel, stride, 2 * padding)
    return {
        "forgot the pooling": between**2,
        "forgot the padding": pooled(rows(size, kernel, stride)),
        "forgot the stride": pooled(rows(size, kernel, 1, 2 * padding)),
        "swapped kernel and stride": pooled(rows(size, stride, kernel, 2 * padding)),
        "rounded up": pooled(windows(size, kernel, stride, 2 * padding)),
        "padding doubled": pooled(rows(size, kernel, stride, 4 * padding)),
        "padding on one side": pooled(rows(size, kernel, stride, padding)),
        "forgot the last window": ((between - pool) // 2) ** 2,
    }


# Shuffle


def where_a_channel_goes(channels, groups, channel):
    share = channels // groups
    right = dealt(range(channels), groups).index(channel)
    return {
        "swapped groups and channels per group": dealt(range(channels), share).index(channel),
        "left in place": channel,
        "the group for the place": channel // share,
        "the place in its group": channel % share,
        "forgot the place in the new group": right // groups * groups,
        "counted from one": [None, *dealt(range(channels), groups)].index(channel),
        "shuffled twice": dealt(dealt(range(channels), groups), groups).index(channel),
    }


def which_channel_arrives(channels, groups, channel):
    share = channels // groups
    arrived = dealt(range(channels), groups)[channel]
    return {
        "swapped groups and channels per group": dealt(range(channels), share)[channel],
        "left in place": channel,
        "the group for the place": arrived // share,
        "the place in its group": arrived % share,
        "forgot the place in the old group": arrived // share * share,
        "counted from one": dealt(range(1, channels + 1), groups)[channel],
        "shuffled twice": dealt(dealt(range(channels), groups), groups)[channel],
    }


def two_shuffles(channels, groups, channel):
    share = channels // groups
    between = dealt(range(channels), groups).index(channel)
    return where_a_channel_goes(channels, groups, between) | {
        "swapped groups and channels per group": dealt(dealt(range(channels), share), share).index(channel),
        "shuffled once": between,
        "shuffled twice": None,
        "left in place": None,
        "two shuffles cancel": dealt(dealt(range(channels), groups), share).index(channel),
    }


# Shrink factors


def factor_of_the_weights(channels, kernel, groups):
    c, area, g = channels, kernel**2, groups
    whole, grouped = c * c * area, c * (c // g) * area
    return {
        "divided twice": Fraction(whole, (c // g) ** 2 * area),
        "counted a bias": Fraction(whole + c, grouped + c),
        "upside down": Fraction(grouped, whole),
        "channels per group": Fraction(whole, c * g * area),
        "batch norm counted": Fraction(whole + 2 * c, grouped + 2 * c),
        "grouped taken for depthwise": Fraction(whole, c * area),
    }


def factor_with_biases(channels, kernel, groups):
    c, area, g = channels, kernel**2, groups
    whole, grouped = c * (c * area + 1), c * (c // g * area + 1)
    return {
        "weights alone": Fraction(g),
        "upside down": Fraction(grouped, whole),
        "divided twice": Fraction(whole, c // g * (c // g * area + 1)),
        "batch norm counted": Fraction(whole + 2 * c, grouped + 2 * c),
        "channels per group": Fraction(whole, c * (g * area + 1)),
        "grouped taken for depthwise": Fraction(whole, c * (area + 1)),
    }


def factor_of_a_separable_convolution(in_channels, out_channels, kernel, size):
    i, o, k = in_channels, out_channels, kernel
    whole, less = o * i * k * k, i * k * k + o * i
    return {
        "forgot the pointwise step": Fraction(whole, i * k * k),
        "forgot the depthwise step": Fraction(whole, o * i),
        "upside down": Fraction(less, whole),
        "kernel not squared": Fraction(o * i * k, i * k + o * i),
        "FLOPs divided by MACs": Fraction(2 * whole, less),
        "MACs divided by FLOPs": Fraction(whole, 2 * less),
    }


# Ghost modules


def ghost_weights(in_channels, out_channels, kernel):
    i, o, m, area = in_channels, out_channels, out_channels // 2, kernel**2
    return {
        "a plain convolution": i * o,
        "forgot the cheap operation": i * m,
        "batch norm counted": i * m + m * area + 2 * m + 2 * m,
        "ghosts by a full convolution": i * m + m * m * area,
        "forgot the primary convolution": m * area,
        "kernel not squared": i * m + m * kernel,
        "counted a bias": i * m + m + m * area + m,
    }


def ghost_weights_with_a_surplus(in_channels, out_channels, ratio, kernel):
    def counted(m, ghosts):
        return i * m + m * ghosts * area

    i, o, s, area = in_channels, out_channels, ratio, kernel**2
    m = -(-o // s)
    return {
        "rounded down": counted(o // s, s - 1),
        "ratio 2 taken": counted(o // 2, 1),
        "one ghost for each map": counted(m, 1),
        "batch norm counted": counted(m, s - 1) + 2 * m * s,
        "forgot the cheap operation": counted(m, 0),
        "ghosts by a full convolution": i * m + m * (s - 1) * m * area,
        "a plain convolution": i * o,
        "forgot the primary convolution": m * (s - 1) * area,
    }


def ghost_multiply_adds(in_channels, out_channels, ratio, kernel, size):
    i, s, area, pixels = in_channels, ratio, kernel**2, size**2
    m = -(-out_channels // s)
    weights = i * m + m * (s - 1) * area
    return {
        "FLOPs for MACs": 2 * weights * pixels,
        "a plain convolution": i * out_channels * pixels,
        "forgot the cheap operation": i * m * pixels,
        "forgot the primary convolution": m * (s - 1) * area * pixels,
        "ghosts by a full convolution": (i * m + m * (s - 1) * m * area) * pixels,
        "batch norm counted": (weights + 2 * m * s) * pixels,
        "kernel not squared": (i * m + m * (s - 1) * kernel) * pixels,
        "parameters for MACs": weights,
    }


# Attention and squeeze-and-excitation


def decoupled_multiply_adds(channels, height, width):
    c, h, w = channels, height, width
    right = c * h * w * (h + w)
    return {
        "attention not decoupled": c * (h * w) ** 2,
        "only the rows": c * h * w * w,
        "FLOPs for MACs": 2 * right,
        "only the columns": c * h * w * h,
        "forgot the channels": h * w * (h + w),
        "channels mixed": c * right,
        "each pixel once": c * h * w,
    }


def long_kernels(channels, size, kernel):
    c, pixels, k = channels, size**2, kernel
    return {
        "a square kernel": c * pixels * k * k,
        "only the rows": c * pixels * k,
        "FLOPs for MACs": 4 * c * pixels * k,
        "forgot the channels": 2 * pixels * k,
        "depthwise taken for pointwise": c * c * pixels,
        "as long as the maps": c * pixels * 2 * size,
        "parameters for MACs": 2 * c * k,
    }


def attention_branch(in_channels, out_channels, size, kernel):
    i, o, k, half = in_channels, out_channels, kernel, size // 2
    each = o * (i + 2 * k)
    return {
        "forgot the halving": each * size**2,
        "forgot the 1x1 convolution": o * 2 * k * half**2,
        "halved once": each * size * half,
        "forgot the long kernels": o * i * half**2,
        "FLOPs for MACs": 2 * each * half**2,
        "rounded up": each * (-(-size // 2)) ** 2,
        "only the rows": o * (i + k) * half**2,
        "a square kernel": o * (i + k * k) * half**2,
    }


def excitation_parameters(channels, hidden):
    c, r = channels, hidden
    right = 2 * c * r + c + r
    return {
        "forgot the bias": 2 * c * r,
        "forgot the second layer": r * c + r,
        "batch norm counted": right + 2 * r + 2 * c,
        "channels not reduced": 2 * c * c + 2 * c,
        "forgot the first layer": c * r + c,
        "one bias only": 2 * c * r + c,
        "a bias for each kernel": 4 * c * r,
    }


def excitation_parameters_as_released(channels):
    def counted(hidden):
        return 2 * channels * hidden + channels + hidden

    quarter, hidden = channels // 4, divisible(channels / 4)
    made = excitation_parameters(channels, hidden)
    return {name: made[name] for name in made if name not in ("forgot the first layer", "one bias only")} | {
        "hidden layer not rounded": counted(quarter),
        "hidden layer rounded down": counted(quarter - quarter % 4),
        "rounded to a multiple of 8": counted(divisible(channels / 4, 8)),
    }


def excitation_multiply_adds(channels, hidden, size):
    c, r = channels, hidden
    return {
        "at every pixel": 2 * c * r * size**2,
        "biases counted as MACs": 2 * c * r + c + r,
        "forgot the second layer": c * r,
        "FLOPs for MACs": 4 * c * r,
        "scaling counted": 2 * c * r + c * size**2,
        "channels not reduced": 2 * c * c,
        "one number for all channels": 2 * r,
        "one hidden channel": 2 * c,
    }


# CReLU


def numbers_out(channels, size):
    pixels = size**2
    return {
        "channels not doubled": channels * pixels,
        "channels doubled twice": 4 * channels * pixels,
        "maps enlarged too": 2 * channels * (2 * size) ** 2,
        "one map only": pixels,
        "halved instead of doubled": channels // 2 * pixels,
        "products counted": 2 * channels * channels * pixels,
    }


def parameters_behind_it(channels, out_channels, kernel):
    c, o, area = channels, out_channels, kernel**2
    return {
        "channels not doubled": o * (c * area + 1),
        "outputs doubled too": 2 * o * (2 * c * area + 1),
        "forgot the bias": o * 2 * c * area,
        "channels doubled twice": o * (4 * c * area + 1),
        "batch norm counted": o * (2 * c * area + 1) + 2 * o,
        "kernel not squared": o * (2 * c * kernel + 1),
    }


def multiply_adds_around_it(channels, out_channels, kernel, in_channels, size):
    def both(made=channels, seen=2 * channels, out=out_channels, taps=kernel**2):
        return (made * in_channels + out * seen) * taps * size**2

    return {
        "channels not doubled": both(seen=channels),
        "FLOPs for MACs": 2 * both(),
        "outputs doubled too": both(out=2 * out_channels),
        "forgot the first layer": both(made=0),
        "forgot the second layer": both(out=0),
        "channels doubled twice": both(seen=4 * channels),
        "doubled too early": both(made=2 * channels),
        "kernel not squared": both(taps=kernel),
    }


# Units


def resnet(size, c, m):
    pixels = size**2
    right = pixels * (2 * c * m + 9 * m * m)
    return {
        "FLOPs for MACs": 2 * right,
        "forgot the last 1x1": pixels * (c * m + 9 * m * m),
        "forgot the 3x3": pixels * 2 * c * m,
        "no bottleneck": pixels * 11 * c * c,
        "depthwise 3x3": pixels * (2 * c * m + 9 * m),
        "batch norm counted": right + pixels * (2 * m + 2 * m + 2 * c),
    }


def resnext(size, c, m, g):
    pixels, middle = size**2, g * m
    right = pixels * (2 * c * middle + 9 * middle * m)
    return {
        "forgot /groups": pixels * (2 * c * middle + 9 * middle * middle),
        "one group for the whole middle": pixels * (2 * c * m + 9 * m * m),
        "FLOPs for MACs": 2 * right,
        "forgot the last 1x1": pixels * (c * middle + 9 * middle * m),
        "forgot the 3x3": pixels * 2 * c * middle,
        "depthwise 3x3": pixels * (2 * c * middle + 9 * middle),
        "multiplied by groups": g * right,
    }


def shufflenet(size, c, m, g):
    pixels, mixing = size**2, c // g * m
    right = pixels * (2 * mixing + 9 * m)
    return {
        "forgot /groups": pixels * (2 * c * m + 9 * m),
        "a factor g lost": pixels * (2 * mixing + 9 * m // g),
        "FLOPs for MACs": 2 * right,
        "forgot the last 1x1": pixels * (mixing + 9 * m),
        "forgot the 3x3": pixels * 2 * mixing,
        "3x3 not depthwise": pixels * (2 * mixing + 9 * m * m),
        "multiplied by groups": g * right,
    }


# Conventions


def floating_point_operations(in_channels, out_channels, kernel, size):
    i, o, k, pixels = in_channels, out_channels, kernel, size**2
    bare = o * i * k * k * pixels
    return {
        "MACs for FLOPs": bare,
        "biases counted": 2 * bare + o * pixels,
        "doubled twice": 4 * bare,
        "kernel not squared": 2 * bare // k,
        "batch norm counted": 2 * bare + 2 * o * pixels,
        "forgot the input channels": 2 * bare // i,
        "parameters for FLOPs": o * i * k * k + o,
    }


def all_that_keras_counts(in_channels, out_channels, kernel, size):
    i, o, k = in_channels, out_channels, kernel
    bare = o * i * k * k
    return {
        "statistics left out": bare + o + 2 * o,
        "batch norm left out": bare + o,
        "forgot the bias": bare + 4 * o,
        "a batch norm before it too": bare + o + 4 * o + 4 * i,
        "a bias for each kernel": bare + o * i + 4 * o,
        "MACs for parameters": bare * size**2,
        "kernel not squared": bare // k + o + 4 * o,
    }


# What the tools count besides multiply-adds, as they were measured: of the bias, the batch norm, the ReLU, the average.
COUNTED = {
    "fvcore": (0, 2, 0, 1),
    "ptflops": (1, 2, 1, 1),
    "ptflops-aten": (1, 0, 0, 0),
    "thop": (0, 4, 0, 1),
    "torchinfo": (1, 0, 0, 0),
}


def totals_of_a_tool(in_channels, out_channels, kernel, size, convention):
    i, o, numbers = in_channels, out_channels, out_channels * size**2
    bare = o * i * kernel**2 * size**2
    right = tool_totals(i, o, kernel, size)[convention]
    bias, norm, relu, average = COUNTED[convention]
    norms = 2 * o if convention == "torchinfo" else norm * numbers
    averages = average * numbers + (o if convention == "thop" else 0)
    assert right == bare + bias * numbers + norms + relu * numbers + averages
    return {
        "MACs alone": bare,
        "multiply-adds doubled": right + bare,
        "biases left out" if bias else "biases counted": right - numbers if bias else right + numbers,
        "batch norm left out" if norms else "batch norm counted": right - norms if norms else right + 2 * numbers,
        "ReLU left out" if relu else "ReLU counted": right - numbers if relu else right + numbers,
        "average left out" if averages else "average counted": right - averages if averages else right + numbers,
    }


def which_rule(in_channels, out_channels, kernel, size, convention):
    return {f"taken for {name}": name for name in ("flops", "fvcore", "ptflops", "thop") if name != convention}


def batch_norms_share(in_channels, out_channels, kernel, size, convention):
    total = tool_totals(in_channels, out_channels, kernel, size)
    bare, numbers = total["flops"] // 2, out_channels * size**2
    share = COUNTED[convention][1] * numbers
    return {
        "the whole difference": total[convention] - bare,
        "another part": total[convention] - bare - share,
        "the elements alone": numbers,
        "two totals for a difference": total[convention],
        "the factor doubled": 2 * share,
        "forgot the channels": share // out_channels,
    }


def what_is_left_to_explain(network, size, convention):
    """By the sizes of arrays in a network that really runs; the total is told by the difference alone."""
    sizes, none = sizes_of_network(network, size), (0, 0, 0)
    norms = sizes["batch_norm_eval"][0]
    factor = COUNTED[convention][1]
    went, came, _ = sizes["global_avg_pool2d"]
    if convention == "fvcore":
        parts = {"average": (went, came)}
    elif convention == "thop":
        smaller = sizes.get("avg_pool2d", none)[1]
        parts = {"average": (went, came), "its output": (came, came), "pool": (smaller, smaller)}
    else:
        parts = {op: size[:2] for op, size in sizes.items() if op.startswith("relu") or "pool2d" in op}
        weighted = {op: biased for op, (_, _, biased) in sizes.items() if "conv2d" in op or op == "linear"}
        parts |= {f"biases of {op}": (biased, biased) for op, biased in weighted.items()}
    others = sum(counted for counted, _ in parts.values())
    return {
        "the whole difference": others + factor * norms,
        "the batch norms' part": factor * norms,
        "every number once": others + norms,
        "first part only": [counted for counted, _ in parts.values()],
        "two totals for a difference": lambda bare: bare + others + factor * norms,
        "numbers out for numbers in": sum(out for _, out in parts.values()),
    }
