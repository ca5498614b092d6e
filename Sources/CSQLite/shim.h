/* SQLite, whole: the fact database of a diagnosis calls it as it is. */
#pragma once
#include <sqlite3.h>
