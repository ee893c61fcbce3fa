"""The report as HTML and PDF; charts that its readers explore."""
