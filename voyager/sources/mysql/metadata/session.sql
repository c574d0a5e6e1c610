/* yb-voyager: the session reads and never writes, and depends on no setting of the server. @schema_list names the
   databases, separated by | (% and | of a name are written %25 and %7C); without it the chosen one is read */
SET NAMES utf8mb4;
SET SESSION sql_mode = '', time_zone = '+00:00', group_concat_max_len = 1000000
    /*!50708 , max_execution_time = 0 */ /*!80002 , information_schema_stats_expiry = 0 */
    /*M!100101 , max_statement_time = 0 */;
SET SESSION TRANSACTION READ ONLY;
SET @node = COALESCE(@node, 'primary'), @moment = COALESCE(@moment, ''),
    @schemas = CONVERT(COALESCE(NULLIF(@schema_list, ''), REPLACE(REPLACE(DATABASE(), '%', '%25'), '|', '%7C'))
        USING utf8mb4);
SET @schemas = REPLACE(REPLACE(REPLACE(CONCAT('|', @schemas, '|'), '|', '\0'), '%7C', '|'), '%25', '%');
