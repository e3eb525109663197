/** Of the gateway: places an order. */
export const ordersPath = '/orders'
/** Of the gateway: has the client place one. */
export const checkoutPath = '/checkout'
/** Of the authentication service: who bears these credentials? */
export const customerPath = '/customer'
/** The header of every answer that a trace belongs to. */
export const traceHeader = 'x-trace-id'
