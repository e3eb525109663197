import { type Context, createContextKey } from '@opentelemetry/api'

/** The SDK's own key: exporters set it, so that their requests are no spans. Keys of one name are one key. */
const suppressedKey = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING')

export function isSuppressed(context: Context): boolean {
  return context.getValue(suppressedKey) === true
}
