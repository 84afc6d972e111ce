"""Which classifiers a model file may hold, and so which ones `train` offers.

All that such a model can do with the numbers of its file is known and checked. This
module imports nothing, because the help of the command names them.
"""

from __future__ import annotations

__all__ = ["CLASSIFIERS", "FORESTS", "LINEAR", "MODULES", "NAIVE_BAYES", "NEIGHBORS"]

LINEAR = {
    "SGDClassifier": "sklearn.linear_model._stochastic_gradient",
    "LogisticRegression": "sklearn.linear_model._logistic",
    "LinearSVC": "sklearn.svm._classes",
    "RidgeClassifier": "sklearn.linear_model._ridge",
    "Perceptron": "sklearn.linear_model._perceptron",
    "PassiveAggressiveClassifier": "sklearn.linear_model._passive_aggressive",
}
NAIVE_BAYES = {
    "MultinomialNB": "sklearn.naive_bayes",
    "ComplementNB": "sklearn.naive_bayes",
    "BernoulliNB": "sklearn.naive_bayes",
}
FORESTS = {
    "RandomForestClassifier": "sklearn.ensemble._forest",
    "ExtraTreesClassifier": "sklearn.ensemble._forest",
}
NEIGHBORS = {"KNeighborsClassifier": "sklearn.neighbors._classification"}

MODULES = LINEAR | NAIVE_BAYES | FORESTS | NEIGHBORS
CLASSIFIERS = tuple(MODULES)
