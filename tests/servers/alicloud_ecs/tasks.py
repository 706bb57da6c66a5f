"""Tasks of long work."""

from __future__ import annotations

from servers.alicloud_ecs.scene import Scene, action
from servers.alicloud_ecs.wire import Json


@action("DescribeTasks")
def describe_tasks(scene: Scene) -> Json:
    given = scene.given
    ids = given.listed("TaskIds") if "TaskIds" in given else None
    found = scene.seen("task", ids=ids, TaskAction="TaskAction")
    rows = [
        {
            "TaskId": each.id,
            "TaskAction": each.facts["TaskAction"],
            "TaskStatus": scene.world.look(each),
            "CreationTime": each.created,
            "FinishedTime": "",
            "SupportCancel": "true",
        }
        for each in found
    ]
    wanted = given.text("TaskStatus")
    page, about = scene.page([row for row in rows if wanted in ("", row["TaskStatus"])])
    return {"TaskSet": {"Task": page}, "RegionId": scene.region, **about}


@action("DescribeTaskAttribute")
def describe_task_attribute(scene: Scene) -> Json:
    task = scene.find("task", "TaskId")
    progress = task.progress
    return {
        "TaskId": task.id,
        "RegionId": task.region,
        "TaskAction": task.facts["TaskAction"],
        "TaskProcess": f"{progress}%",
        "TaskStatus": scene.world.look(task),
        "CreationTime": task.created,
        "SupportCancel": "true",
        "TotalCount": 1,
        "SuccessCount": 0,
        "FailedCount": 0,
        "OperationProgressSet": {"OperationProgress": []},
    }


@action("CancelTask")
def cancel_task(scene: Scene) -> Json:
    """What the task was making goes with it."""
    task = scene.find("task", "TaskId")
    for image in scene.world.all("image", task.region, scene.account):
        if image.id == task.facts["ImageId"] and image.becomes:
            for thing in (*scene.world.snapshots_of(image), image):
                scene.world.drop(thing)
    scene.world.drop(task)
    return {}
