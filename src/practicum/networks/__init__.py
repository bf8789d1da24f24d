"""Networks (PyTorch, extra ``networks``): teachers, students and their training, many seeds side by side."""
