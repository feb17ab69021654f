"""What may happen at the same moment: every command, and every withdrawal or disappearance that concerns it.

The story is the same in each pair (see `scene`). Ada leads the private club, Boris is the curator of the open week,
Chloe is an admin, Dmitri and Eleni are members; Femi leads the public park, Olga is in neither, Rosa keeps the store.
Week 1 is published. In week 2 `asked` is published and has a response of Dmitri (`response`, selected), `open` is
published and Dmitri has a draft (`draft`) to it, `hidden` is not published; Ada has generated `newsletter`.

`{name}` stands for the id of a person or a thing, `{who}` for the person whose command it is.
"""

from __future__ import annotations

from tests.races.commands_in_spaces import COMMANDS_IN_SPACES
from tests.races.commands_of_people import COMMANDS_OF_PEOPLE

COMMANDS = [*COMMANDS_IN_SPACES, *COMMANDS_OF_PEOPLE]
