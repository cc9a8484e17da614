"""The JAX adapter: functions of arrays. view holds all of it."""
