"""The page in the browser: a small server of its own, and the files it sends (``static/``).

``practicum serve`` opens it; :func:`practicum.web.app.create_app` is the application for any other ASGI server.
"""
