"""The ground floor: what every room speaks in, with no framework behind it.

errors, types, extras, warned (a warning at the user's own line); targets and view (what is explained, what a model can do);
declare (what a method is), measure (what a metric is), card (what speaks for and against an explanation);
features (what belongs together in an input) and making (how that is said), with players, tables, frames, segmentation and
words behind them; exchange (the records of pandas, xarray and shap);
tree (named leaves of an input); records, storage, files (what comes back, and how it is kept on disk).
"""
