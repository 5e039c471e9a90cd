"""What keeps running after the pipeline: loading a verified model and answering with it."""
