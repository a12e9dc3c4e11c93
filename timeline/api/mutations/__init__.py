"""What may be changed by GraphQL; each mutation goes through `filing`, as the command line does."""
