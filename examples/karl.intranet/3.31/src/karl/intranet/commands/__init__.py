"""The console scripts."""

import warnings

# pkg_resources is what repoze.evolution and Pyramid still use; whoever runs a
# command can do nothing about it.
warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
