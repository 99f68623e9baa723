"""Experiments about the realtime student, and about what was published of the five others.

python -m sharpstudy.experiments.ablation      variants of the recipe, one thing changed in each
python -m sharpstudy.experiments.equal_time    the published students beside it, each for the same seconds
python -m sharpstudy.experiments.phases        gains at factors and grid shifts that nobody trained for
python -m sharpstudy.experiments.conditions    every degradation, beside doing nothing and a tuned mask
python -m sharpstudy.experiments.published     published figures, beside two protocols
python -m sharpstudy.experiments.leaks         what training and tests share

They use the study's own loop, frames, scores and statistics, and write tables and a figure under
results/reference/.
"""
