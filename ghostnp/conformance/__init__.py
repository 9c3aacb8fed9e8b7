"""Frameworks held against the definitions and the laws, operator by operator: what ``ghostnp conformance`` does.

Read in this order:

- `peers`: who is held, with which of its functions, and what it can express;
- `jax_vocabulary`, `keras_vocabulary`, `onnx_peers`, `openvino_peer`: the vocabulary in their words (PyTorch's and
  ONNX's are the bench's);
- `spelling`: a failure as a script of the framework's own calls, without ghostnp;
- `holding`: every operator against its definition in every regime, and against every law;
- `page`: the tables, as Markdown and as JSON;
- `run`: all of it, each framework in a process of its own.

A new framework is a file with its vocabulary, a class in `peers` that writes down its calls, and an entry of `PEERS`.
"""
