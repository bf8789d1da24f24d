"""``python -m practicum.cli``, where the installed command is not on the path."""

from practicum.cli import main

main()
