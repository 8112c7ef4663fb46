"""`/v1/batches` (conventions §6): a file of prompts, of which jobs are made, and files of their answers.

- `handlers`: submit, list, show, cancel
- `settings`: how much of it at once

Every gateway runs batches beside its requests:

- `runner`: takes up batches that nobody runs
- `holding`: a batch that is ours, under a lease in Redis: nobody else says anything of it
- `running`: one batch, from where it stands to its end: check, fill, write, end; takes it up as one of its kind
- `standing`: where its jobs stand
- `inputs`, `lines`: the lines of its file, piece by piece, each with its place; also of one that was lost
- `share`: how long a gateway's loop is theirs before others have their turn (pure)
- `asking`: a line becomes a prompt, or texts to embed, or is refused (pure)
- `ends`: how a line ends, and what an error means to it (pure)
- `checking`: all lines, and what they have to do with one another (pure)
- `kinds`: lines that become jobs, and lines of texts
- `filling`, `stopping`: the jobs of a batch, a bounded number in flight; those of one that goes on no more
- `embedding`, `parts`: the lines of a batch of embeddings, which are no jobs, and what was told of those so far
- `telling`, `outputs`: what became of each line, and how it stands in the output and the error file
- `retelling`: what the store holds of that, read again
- `writing`: those two files, kept by whoever holds the batch
"""
