"""Channel shuffle: where a channel goes, and where it came from."""

import numpy as np

from ghostnp.course.worksheets.language import _
from ghostnp.course.worksheets.problem import Problem, template
from ghostnp.ops import channel_shuffle
from ghostnp.ops.cost import Worked


def _arrangement(channels, *groups):
    """Which channel stands in each place after shuffles by `groups`, by the definition itself."""
    maps = np.arange(channels, dtype=np.float64).reshape(1, channels, 1, 1)
    for g in groups:
        maps = channel_shuffle(maps, g)
    return maps.ravel().astype(int).tolist()


def _place(channel, channels, *groups):
    return _arrangement(channels, *groups).index(channel)


def _moves(channels, groups, channel):
    # Not an end, which stays, and neither a first place nor a first group: there too little is to be told apart.
    share = channels // groups
    return channels % groups == 0 and groups != share and share < channel < channels - 1 and channel % share != 0


def _asked(channels, groups):
    return _(
        "{channels} channels, numbered from 0, are shuffled in {groups} groups (as in ShuffleNet's paper).",
        channels=channels,
        groups=groups,
    )


_CHOICES = {
    "channels": (12, 15, 18, 20, 24, 28, 30, 36, 40, 48, 60),
    "groups": (2, 3, 4, 5, 6, 8),
    "channel": tuple(range(3, 58, 2)) + tuple(range(4, 58, 6)),
}


@template("shuffle", 1, _moves, **_CHOICES)
def where_a_channel_goes(channels, groups, channel):
    """The place of one channel afterwards."""
    group, place = divmod(channel, channels // groups)
    right = _place(channel, channels, groups)
    return Problem(
        _(
            "{asked} Which number does channel {channel} have afterwards?",
            asked=_asked(channels, groups),
            channel=channel,
        ),
        right,
        _(
            "A group has {share} channels, so channel {channel} is place p = {place} of group q = {group}. It "
            "goes to p·g + q = {place}·{groups} + {group} =",
            share=channels // groups,
            channel=channel,
            place=place,
            group=group,
            groups=groups,
        ),
        _mistaken(channels, groups, channel),
    )


def _mistaken(channels, groups, channel):
    share = channels // groups
    group, place = divmod(channel, share)
    return {
        "swapped groups and channels per group": _place(channel, channels, share),
        "left in place": channel,
        "the group for the place": group,
        "the place in its group": place,
        "forgot the place in the new group": Worked(f"{place}·{groups}"),
        "counted from one": _place(channel, channels, groups) + 1,
        "shuffled twice": _place(_place(channel, channels, groups), channels, groups),
    }


@template("shuffle", 2, _moves, **_CHOICES)
def which_channel_arrives(channels, groups, channel):
    """The way back."""
    arrived = _arrangement(channels, groups)
    share = channels // groups
    place, group = divmod(channel, groups)
    return Problem(
        _(
            "{asked} Which channel stands in place {channel} afterwards?",
            asked=_asked(channels, groups),
            channel=channel,
        ),
        arrived[channel],
        _(
            "Place {channel} = p·g + q = {place}·{groups} + {group}, so that it was place p = {place} of group "
            "q = {group}, with {share} channels in a group: q·(C/g) + p = {group}·{share} + {place} =",
            channel=channel,
            place=place,
            groups=groups,
            group=group,
            share=share,
        ),
        {
            "swapped groups and channels per group": arrived.index(channel),
            "left in place": channel,
            "the group for the place": group,
            "the place in its group": place,
            "forgot the place in the old group": Worked(f"{group}·{share}"),
            "counted from one": arrived[channel] + 1,
            "shuffled twice": arrived[arrived[channel]],
        },
    )


@template("shuffle", 3, _moves, **_CHOICES)
def two_shuffles(channels, groups, channel):
    """The second begins where the first ended."""
    share = channels // groups
    between = _place(channel, channels, groups)
    group, place = divmod(between, share)
    return Problem(
        _(
            "{asked} Then they are shuffled in {groups} groups once more. Which number does channel {channel} "
            "have in the end?",
            asked=_asked(channels, groups),
            groups=groups,
            channel=channel,
        ),
        _place(channel, channels, groups, groups),
        _(
            "The first shuffle takes channel {channel} to {between}, which is place p = {place} of group q = "
            "{group}. The second takes it to p·g + q = {place}·{groups} + {group} =",
            channel=channel,
            between=between,
            place=place,
            group=group,
            groups=groups,
        ),
        {
            "shuffled once": between,
            "two shuffles cancel": channel,
            "swapped groups and channels per group": _place(channel, channels, share, share),
            "counted from one": _place(channel, channels, groups, groups) + 1,
            "the group for the place": group,
            "the place in its group": place,
            "forgot the place in the new group": Worked(f"{place}·{groups}"),
        },
    )


TEMPLATES = (where_a_channel_goes, which_channel_arrives, two_shuffles)
