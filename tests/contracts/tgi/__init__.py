"""The contract of the model server: what a real TGI 3.3 answered, our embedded and our timed one answer alike."""
