"""Judges of consistency: which score does an explanation sound like, read without its score?

A judge is anything that keeps `selfscore.judging.judge.Judge`. Three are here: `tfidf` (embedded),
`self` (the frozen base model) and `openai` (any OpenAI-compatible endpoint). `consistency` turns
what one of them read into figures, `agreement` compares two.
"""
