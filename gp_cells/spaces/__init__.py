"""Search spaces: families of architectures, one file each."""

from collections.abc import Mapping

from gp_cells.spaces.convolutional import Convolutional
from gp_cells.spaces.decoder import Decoder
from gp_cells.spaces.feedforward import Feedforward
from gp_cells.spaces.modular import Modular
from gp_cells.spaces.recurrent import Recurrent
from gp_cells.spaces.recurrent_graph import RecurrentGraph
from gp_cells.spaces.space import Space

SPACES: Mapping[str, type[Space]] = {
    "convolutional": Convolutional,  # normal and reduction cells, Zoph et al. 2018
    "decoder": Decoder,  # blocks over a residual stream, after Primer, So et al. 2021
    "feedforward": Feedforward,  # networks of scalar nodes, Stanley & Miikkulainen 2002, Ha 2016
    "modular": Modular,  # blueprints and modules, Miikkulainen et al. 2017
    "recurrent": Recurrent,  # recurrent cells, Rawal & Miikkulainen 2018
    "recurrent_graph": RecurrentGraph,  # one state, values that are read many times, Pham et al. 2018
}

__all__ = ["SPACES", "Space"]
