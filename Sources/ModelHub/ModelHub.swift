// ModelHub
