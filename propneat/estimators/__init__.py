"""scikit-learn estimators: one network, and a committee of the best networks of several populations."""

from propneat.estimators.ensemble import PropNEATEnsembleClassifier, PropNEATEnsembleRegressor
from propneat.estimators.single import PropNEATClassifier, PropNEATRegressor

__all__ = ["PropNEATClassifier", "PropNEATEnsembleClassifier", "PropNEATEnsembleRegressor", "PropNEATRegressor"]
