"""The templates of the stack Python and FastAPI, laid out like the application that they make.

The first folder is the part; below it, `[entity]` and `[entities]` in a name stand for each entity.
A file that ends in `.j2` is rendered, one that ends in `.raw` is copied. A template that renders to
nothing makes no file, which is how a feature that nothing asked for leaves no trace.
"""
