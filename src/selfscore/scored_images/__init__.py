"""From a folder of images and a table of scores to images with a split and a level."""
