"""One thin typed KFP component a stage; the work is done by bertline.stages."""
