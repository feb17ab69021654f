// Print the SQL that makes the schemas `auth` and `storage`, as the embedded server's library defines them.
//
// It is asked at run time, so that the tables always fit the version of the library that works on them.
import { getAuthSchemaSql, getStorageSchemaSql } from "npm:@supabase/lite@0.10.0";

console.log(JSON.stringify({ auth: getAuthSchemaSql(), storage: getStorageSchemaSql() }));
