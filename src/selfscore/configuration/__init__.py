"""Reading the configuration: what it says of the pipelines' shape, and what is wrong with it.

`loader` alone knows Kedro; what else is here stands alone, and all rooms may use it. The check of
all sections together is `selfscore.parameters`, above the pipelines that the sections belong to.
"""
