/* yb-voyager: the storage engines of the server, and which of them have transactions */
SELECT @node AS source_node,
    e.engine AS engine, e.support AS support, e.transactions AS transactions
FROM information_schema.engines e
ORDER BY 2
