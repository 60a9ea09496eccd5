"""All routers; each carries its full path, so that metrics and logs name the route as it is."""

from app.api import auth, customer, damage_report, health, item, me, rental, user, user_session

ROUTERS = (
    auth.router,
    me.router,
    user.router,
    user_session.router,
    customer.router,
    item.router,
    rental.router,
    damage_report.router,
    health.router,
)
