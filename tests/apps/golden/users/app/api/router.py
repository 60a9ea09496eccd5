"""All routers; each carries its full path, so that metrics and logs name the route as it is."""

from app.api import auth, health, me, user, user_session

ROUTERS = (auth.router, me.router, user.router, user_session.router, health.router)
