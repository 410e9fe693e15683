"""The concepts page: seven chapters and the lab of the six steps."""
