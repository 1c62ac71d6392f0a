"""Are the explanations of use to people? What raters are shown, and what their answers come to."""
