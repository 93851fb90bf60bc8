"""From a tag to a live release: published, frozen, built, rehearsed, evolved."""
