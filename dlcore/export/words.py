"""What an exported program says of itself: one line a definition, and the comments within."""

from collections.abc import Mapping

from dlcore.messages import N_

DEFINITIONS: Mapping[str, str] = {
    "derive": N_("A seed for one purpose, the same on every machine: no use of randomness disturbs another."),
    "generator": N_("A generator of random numbers for one purpose."),
    "seeded": N_("Within the block torch's own random numbers are seeded for one purpose; outside nothing changes."),
    "MEAN": N_("Mean and standard deviation of MNIST's training pixels, of 0 to 1."),
    "COLOUR_MEAN": N_("Means and standard deviations of CIFAR-10's training pixels, of 0 to 1: red, green, blue."),
    "normalize": N_("Bytes to numbers of about mean 0 and variance 1."),
    "_normalize_colour": N_("Bytes to numbers of about mean 0 and variance 1, channel by channel."),
    "with_wrong_labels": N_("The labels with some of those at the indices replaced by another class, any as likely."),
    "Strength": N_("The largest change of each kind; every image draws its own between the negative and this."),
    "Strength.scale": N_("Both axes alike: a factor of e to the draw."),
    "Strength.stretch": N_("One axis against the other, likewise."),
    "Strength.shear": N_("Columns by which a row leans for each row that it lies above the middle."),
    "Strength.elastic_pixels": N_("How far each of 4×4 points of a rubber sheet moves, in each direction."),
    "Strength.thickness": N_("Share of the way to a stroke one pixel thicker or thinner on each side."),
    "Strength.erasing": N_("Largest share of the image that a rectangle of its mean colour covers."),
    "Strength.noise": N_("Largest standard deviation of the noise added to each pixel, of 255."),
    "augment": N_("The images, bytes (B, C, H, W), each changed by a draw of its own; what moves in is black."),
    "_erase": N_("In each image a rectangle, half to twice as high as wide, in the image's mean colour."),
    "_between": N_("Which of the pixels have their middle in the stretch, bool (B, size)."),
    "_change_thickness": N_("Part of the way to a dilation (positive draws) or an erosion (negative draws)."),
    "_grid": N_("Where each output pixel looks, (B, H, W, 2) in [-1, 1] as grid_sample wants it."),
    "_middles": N_("Where the middles of so many pixels lie between -1 and 1."),
    "_Dropout": N_("Dropout that draws 16 random bits an element instead of a whole number: the same, but faster."),
    "_LogSoftmax": N_("Log-softmax in float32: so close to 1, bfloat16 knows steps of 0.004 only."),
    "_MaxPool2x2": N_("2×2 max-pooling whose gradient keeps the memory layout: the same values, but faster."),
    "_BatchNorm1d": N_("Batch normalisation that takes a single image by the running statistics."),
    "lean": N_("By how many columns the ink of each image moves from row to row, and the row of its middle."),
    "_Deskewing": N_("Leans each image back by the slope of its own ink, so that what is on it stands upright."),
    "_BatchNorm2d": N_("Batch normalisation that takes a single pixel a channel by the running statistics."),
    "_is_alone": N_("Whether there is one value a channel, which has no variance."),
    "forward": "",
    "WARM_UP_SHARE": N_("Share of the updates in which the learning rate goes up."),
    "START_DIVISOR": N_("It starts at the peak divided by this."),
    "END_DIVISOR": N_("It ends at its start divided by this."),
    "RAMP_SHARE": N_("Share of the updates in which the learning rate goes up."),
    "_cosine": N_("Half a cosine from 1 down to 0. Loshchilov and Hutter, “SGDR” (2017)."),
    "_one_cycle": N_("Half a cosine up, half a cosine down. Smith and Topin, “Super-Convergence” (2018)."),
    "_step": N_("A tenth from two thirds of the way on."),
    "_warm_up": N_("A straight line up to the peak, then half a cosine down to zero."),
    "PLATEAU_PATIENCE": N_("Epochs without improvement after which the learning rate is lowered,"),
    "PLATEAU_FACTOR": N_("to this share of it."),
    "ValidationRecord": N_("What validation has said so far: the schedule and the end of training may go by it."),
    "ValidationRecord.metric": N_("What early stopping goes by: loss or accuracy."),
    "ValidationRecord.accuracy": N_("Of the latest evaluation."),
    "ValidationRecord.stale_epochs": N_("Evaluations since the best value of the metric."),
    "ValidationRecord.waited_epochs": N_("Evaluations since the best loss or the last reduction of the learning rate."),
    "note": N_("Take in one evaluation; the untrained network's is the first."),
    "plateau_factor": N_("What the learning rate is multiplied by."),
    "frozen_copy": N_("Where the average starts: at the network itself."),
    "decay_at": N_("A decay that begins small: at first the start would weigh too much."),
    "follow": N_("One step of the average: mean ← d · mean + (1 − d) · weight."),
    "add_l1_gradient": N_("Add the gradient of l1 · Σ|w|, which is l1 · sign(w), to that of each matrix."),
}
"""For each definition that an export may cut out of this project's source, what it is."""

COMMENTS: tuple[str, ...] = (
    N_("an erosion is a dilation of the negative"),
    N_("rotation · shear · scaling, from output to input coordinates"),
    N_(
        "In this order it is bit for bit what F.affine_grid gives, whose product of many small matrices takes ten times as"
        " long."
    ),
    N_("a loss that is no number is never the best"),
    N_("the root of height to width"),
)
"""The comments within them."""
