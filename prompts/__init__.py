"""What the model is asked: templates, memory, knowledge, composition."""
