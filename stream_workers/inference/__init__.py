"""Inference: prompts in, answers out.

- `agent`: the shell around Faust; `life`: the steps of a job; `attempting`, `answering`, `trying`: one attempt,
  from the claim to the model server
- `ahead`: what is prepared while the claim is under way
- `renewals`: leases kept and verdicts heard; `slots`: how many jobs at a time
- `fleet`: the model servers, and who has a seat at which; `reach`: whether one of them can be reached; `window`: how
  many prompts it is given at a time; `breaker`: whether it is fit to be asked
- `screen`, `pace`: what readers are shown, and how often; `seen`: what they had seen before the attempt
- `tgi`: the model server; `prompting`: a prompt as it is shown there
- `trouble`, `parameters`, `stops`, `endings`, `drawing`, `grammars`, `spelled`, `calls`, `retries`: decisions,
  without I/O
- `service`: all of it put together; `counts`: what it counts
"""
