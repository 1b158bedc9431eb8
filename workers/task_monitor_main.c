/* task-monitor: the Lambda function that both state machines ask how a run is doing. */
#include "workers/monitor/monitor.h"
#include "workers/runtime.h"

int main(void)
{
    return runtime_main("task-monitor", monitor_handle);
}
