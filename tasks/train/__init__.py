"""The train stage: features, fit, judgement on unseen groups."""
