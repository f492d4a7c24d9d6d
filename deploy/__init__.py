"""Everything that runs the system: the local stack and the steps of a deployment."""

import warnings

# nameko's notice about eventlet would be the first thing a newcomer sees.
warnings.filterwarnings("ignore", message="(?s).*Eventlet is deprecated")
