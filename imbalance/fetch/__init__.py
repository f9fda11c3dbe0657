"""The only network code: transports, the client with its retries and budgets, and the gathering."""
