"""What MLflow runs to load a registered policy: this file is stored with it, instead of a pickle.

It asks for the installed selfscore, so an old version of a policy is served by today's code.
"""

from mlflow.models import set_model

from selfscore.registry.model import PolicyModel

set_model(PolicyModel())
