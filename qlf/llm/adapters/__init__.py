"""One module for each wire format, all of the shape of `qlf.llm.model.Adapter`."""
