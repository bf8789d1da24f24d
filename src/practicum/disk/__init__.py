"""Files by other hands, read without trust; and files of our own, written whole or not at all."""
