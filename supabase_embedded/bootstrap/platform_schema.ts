// Print the SQL that makes the schemas `auth` and `storage`, as the embedded server's library defines them.
//
// It runs when a template is created, so that the tables always match the version of the library that uses them.
import { getAuthSchemaSql, getStorageSchemaSql } from "npm:@supabase/lite@0.10.0";

console.log(JSON.stringify({ auth: getAuthSchemaSql(), storage: getStorageSchemaSql() }));
