"""``python -m practicum``, where the installed command is not on the path."""

from practicum.cli import main

main()
