"""Charts of the HTML report that readers explore: drawn as SVG here, brought to life by ``explore.js``."""
