"""What is asked: the shapes of TGI's bodies, how bytes become one, and the words in which a wrong one is refused."""
